/** Colours: made by js/made.py from zfwidgets/records/colour_maps.py, which says what they are. */

export const COLOUR_MAPS = {
  tint: [
    "d0107eff", "d0107e80", "80808000", "2e8b1280", "2e8b12ff",
  ],
  viridis: [
    "440154", "48186a", "472d7b", "424086", "3b528b", "33638d", "2c728e", "26828e",
    "21908c", "1f9f88", "27ad81", "3ebc74", "5cc863", "82d34d", "aadc32", "d5e21a",
    "fde725",
  ],
  magma: [
    "000004", "0a0822", "1d1147", "36106b", "50127c", "691c81", "822681", "9c2e7f",
    "b6367a", "cf4070", "e65164", "f46a5c", "fb8861", "fea571", "fec287", "fde0a1",
    "fcfdbf",
  ],
  diverging: [
    "3b4cc0", "4e68d8", "6282ea", "779af7", "8db0fe", "a3c2fe", "b8d0f9", "ccd9ed",
    "dcdcdc", "ebd3c6", "f4c5ad", "f7b194", "f49a7b", "ec7f63", "de614d", "cb3e38",
    "b40426",
  ],
} as const;

export const CATEGORIES = [
    [0, 114, 178], [230, 159, 0], [0, 158, 115], [204, 121, 167],
    [86, 180, 233], [213, 94, 0], [240, 228, 66], [128, 128, 128],
] as const;

export const LUMINANCE = [0.299, 0.587, 0.114] as const;

export const FROM_ZERO = ["probability", "hamming", "cosine"] as const;
export const LEAST_SHARE = 0.001;
export const LEAST_PART = 0.0001;
