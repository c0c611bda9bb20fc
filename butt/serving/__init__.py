"""What both HTTP servers share: connections with deadlines, bodies with bounds, and fair pools of threads."""
