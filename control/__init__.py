"""The Studio: storyboards, plans, renders, the web page and the command line."""
