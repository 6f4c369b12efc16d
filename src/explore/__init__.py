"""reports/explorer.html: what the page knows of data and models, and how it becomes one file."""
