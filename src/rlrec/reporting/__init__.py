"""Figures and the report page, made of what the other stages wrote.

`rlrec.reporting.page.write_report` makes the page; `rlrec.reporting.figures` has the figures alone.
"""
