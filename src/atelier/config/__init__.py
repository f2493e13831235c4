"""From the words that a user typed to built objects: compose, check, build."""
