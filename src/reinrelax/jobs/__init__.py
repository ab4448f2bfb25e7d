"""What is planned: runs, cells, studies, and the files that they leave."""
