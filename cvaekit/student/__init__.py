"""What students run beside a starter: `cvaekit build` copies these modules into every assignment's folder."""
