package main

import (
	"context"

	"frontdesk/internal/ops"
)

// DoctorCmd looks for what is wrong with an installation.
type DoctorCmd struct {
	Settings
	Full bool `help:"Read every page of the database."`
}

// Run prints the findings and fails when one of them is bad.
func (c *DoctorCmd) Run(ctx context.Context, out *Output, g *Globals) error {
	cfg, err := c.Load(g)
	if err != nil {
		return err
	}
	diagnosis := ops.Doctor(ctx, &cfg, version, c.Full)
	if err := out.JSON(diagnosis); err != nil {
		return err
	}
	if !diagnosis.Healthy {
		return errReported
	}
	return nil
}
