"""Messages to people: urgent things at once, the rest in digests, nothing in quiet hours, nothing twice."""
