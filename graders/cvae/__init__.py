"""What the assignments on conditional VAEs share: probes, checks, scoring, calibration."""
