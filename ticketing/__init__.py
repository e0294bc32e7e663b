"""The heart (tickets, numbers, who is next, the log) and the applicant's side."""
