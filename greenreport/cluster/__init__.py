"""One study on many hosts: the file that names them, the process on each, and the coordinator that gives each one block at a time."""
