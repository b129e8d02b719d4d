"""Reading a report: an engine that answers from what is stored.

`contents` unpacks what `zfwidgets.reports.checking` lets through; `stored` is the engine over it
(``StoredEngine``), `reopened` its plain calls, where it opens, and what is saved of it again;
`answering` gives widgets the stored answers themselves.
"""
