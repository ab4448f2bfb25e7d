"""The plan: runs, the jobs that compute them, studies, and the files that jobs leave."""
