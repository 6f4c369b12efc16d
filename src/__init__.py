"""The subject of the project, room by room in the order in which data flow; nothing here imports DVC."""
