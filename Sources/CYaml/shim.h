/* libyaml (YAML 1.1, https://pyyaml.org/wiki/LibYAML): only its event interface is used, by SiteConfig. */
#pragma once
#include <yaml.h>
