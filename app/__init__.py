"""The portal: Flask, the database, people and their rights."""
