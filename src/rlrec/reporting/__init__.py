"""The report page and its figures, made of what the other stages wrote.

`inputs` reads it, `report` writes the page and the figures. Nothing here knows a policy or an algorithm by name: `cast`
says who is who from the notes that the tables came with.
"""
