"""The demo library: texts written by this project, made into files of five formats."""
