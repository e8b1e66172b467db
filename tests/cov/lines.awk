# gcov's JSON, split before every {: prints FILE LINE REACHED FUNCTION of all that it tells of guest/
# (not of its architecture) and vmm/; a function that gcov does not know is "~".

function value(key, text) {
	if (!match($0, "\"" key "\": \"?[^\",}]*")) {
		return ""
	}
	text = substr($0, RSTART + length(key) + 4, RLENGTH - length(key) - 4)
	sub(/^"/, "", text)
	return text
}

/"line_number"/ {
	line[++n] = value("line_number")
	count[n] = value("count")
	name[n] = value("function_name")
}

/"file": / {
	file = value("file")
	for (i = 1; i <= n && file ~ /^(guest|vmm)\/[a-z0-9_]*\.[ch]$/; i++) {
		print file, line[i], count[i] != 0, name[i] == "" ? "~" : name[i]
	}
	n = 0
}
