"""Typed edits of a storyboard. `batch` has the operations, `apply` and `rebase`; `change` the differences they make."""
