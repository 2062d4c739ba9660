package main

import (
	"fmt"
	"strings"

	"frontdesk/internal/config"
)

// ConfigCmd shows the settings as a start with the same flags, environment and file would use them.
type ConfigCmd struct {
	Settings
	Example bool `help:"Print a settings file with every default and what it means."`
}

// Run prints the settings; a wrong one is an error that names it.
func (c *ConfigCmd) Run(out *Output, g *Globals) error {
	if c.Example {
		def := config.Default()
		return out.JSON(exampleResult{Example: def.Example()})
	}
	cfg, err := c.Load(g)
	if err != nil {
		return err
	}
	return out.JSON(configResult{Settings: cfg.Settings()})
}

type exampleResult struct {
	Example string `json:"example"`
}

// Text is the settings file itself.
func (e exampleResult) Text() string { return e.Example }

type configResult struct {
	Settings []config.Setting `json:"settings"`
}

// Text is one line a setting.
func (r configResult) Text() string {
	var b strings.Builder
	for _, s := range r.Settings {
		value := fmt.Sprint(s.Value)
		if value == "" {
			value = "-"
		}
		fmt.Fprintf(&b, "%-26s %-18s %-28s %s\n", s.Key, value, s.Source, s.Help)
	}
	return b.String()
}
