"""reports/explorer.html: what the page knows of data and models, and how its parts become one file."""
