"""From files to pixels, from pixels to what a network sees, and back for the eye."""
