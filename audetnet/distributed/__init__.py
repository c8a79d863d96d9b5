"""Distributed training: who computes what, and how processes communicate."""
