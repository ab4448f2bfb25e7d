"""What is planned: runs, the jobs that compute them or a study, and the files that they leave."""
