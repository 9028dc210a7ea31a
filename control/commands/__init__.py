"""What `vivijure` does, one module a noun; `control.cli` names the commands."""
