"""What is asked of a submission, and the banks that prove the questions right."""
