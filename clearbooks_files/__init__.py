"""The files that people have, as records that the target writes.

A reader turns a file into rows of named cells, a mapping (one page of YAML) turns rows into
records, and the file's own totals are checked before the first record leaves. `clearbooks write`
and the Singer tap `tap-clearbooks-files` both stand on `source.open_source`.
"""
