"""Staff's pages: one module for each page. They answer on the staff hosts alone, to those who are signed in."""
