"""The code of the project: one folder for each stage, and those that stages share. No DVC here."""
