"""Who owns a field, what becomes of a change that another side made, and how a change of ours is made known there."""
