/// What `status` and `--version` say.
public let cityEdgeVersion = "0.1.0"
