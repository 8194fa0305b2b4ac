"""The kit that the tests are about: the shipped one."""

from cvaekit.kit import SHIPPED, Kit

ROOT = SHIPPED
KIT = Kit(ROOT)
