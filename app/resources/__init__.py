"""Resources, their editions, versions, files, pages and passages: the catalogue."""
