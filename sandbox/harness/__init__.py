"""What runs in the box beside a candidate function. Standard library only; sent in as text beside the solution."""
