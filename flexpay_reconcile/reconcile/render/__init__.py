"""Plans for people, rendered from the public JSON and nothing else, so that text and machine output never disagree.

Nothing here sees a Plan, a configuration or a port; whatever the JSON does not say cannot be shown.
"""
