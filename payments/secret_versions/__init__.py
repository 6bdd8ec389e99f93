"""Every secret that rotates, in versions with a start and an end: several may be live at once."""
