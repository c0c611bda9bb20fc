"""What both http servers share: connections with deadlines, bodies with bounds, and threads that take turns."""
