"""Sources of the supervisor and the zygote, which run inside a box; build.sh compiles them. Nothing is imported."""
