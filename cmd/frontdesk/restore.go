package main

import (
	"context"

	"frontdesk/internal/compliance"
	"frontdesk/internal/ops"
)

// RestoreCmd fills an empty data folder from a backup.
type RestoreCmd struct {
	Settings
	Backup   string `arg:"" help:"Folder of the backup."`
	Erasures string `placeholder:"FILE" help:"A ledger of erasures (erasures.jsonl of the last data folder) beside the one that lies with the backups."`
}

// Run restores and says whether the master key still has to be put in place.
func (c *RestoreCmd) Run(ctx context.Context, out *Output, g *Globals) error {
	cfg, err := c.Load(g)
	if err != nil {
		return err
	}
	o := ops.RestoreOptions{Backup: c.Backup, Dir: cfg.Data, URL: string(cfg.Database.URL), Ledger: c.Erasures}
	if cfg.MasterKey != "" {
		// From the environment: no database is asked.
		if o.Key, err = compliance.LoadMasterKey(ctx, nil, cfg.Data, string(cfg.MasterKey)); err != nil {
			return err
		}
	}
	result, err := ops.Restore(ctx, o, out.Progress)
	if err != nil {
		return err
	}
	if result.Key == "missing" {
		out.Progress("The backup does not hold the master key: put it at %s/%s before the start.", cfg.Data, compliance.MasterKeyFile)
	}
	if result.Erased > 0 {
		out.Progress("%d people who were erased after the backup was made are erased again.", result.Erased)
	}
	return out.JSON(result)
}
