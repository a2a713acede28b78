"""The ledger as lists: to XLSX and CSV that open right in Excel, and from the lists a department already keeps."""
