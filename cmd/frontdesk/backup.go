package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"frontdesk"
	"frontdesk/internal/compliance"
	"frontdesk/internal/config"
	"frontdesk/internal/ops"
	"frontdesk/internal/sqldb"
)

// BackupCmd writes a backup.
type BackupCmd struct {
	Settings
	Dest    string `arg:"" help:"Folder for the backup; not there yet, or empty."`
	WithKey bool   `help:"Put the master key into the backup. Who has such a backup can read everything in it."`
}

// Run lets the server that holds the folder make the backup; without one it opens the folder itself.
func (c *BackupCmd) Run(ctx context.Context, out *Output, g *Globals) error {
	cfg, err := c.Load(g)
	if err != nil {
		return err
	}
	dest, err := filepath.Abs(c.Dest)
	if err != nil {
		return frontdesk.InvalidField("DEST", "%v", err)
	}
	if err := mustHaveData(&cfg); err != nil {
		return err
	}
	lock, err := ops.LockFolder(cfg.Data)
	if held := new(ops.HeldError); errors.As(err, &held) {
		var result ops.BackupResult
		args := ops.BackupArgs{Dest: dest, WithKey: c.WithKey}
		if err := ops.Call(ctx, cfg.Data, "backup", args, nil, &result, func(line string) { out.Progress("%s", line) }); err != nil {
			return err
		}
		return out.JSON(result)
	}
	if err != nil {
		return err
	}
	defer lock.Release()
	db, err := openDatabase(ctx, &cfg, out)
	if err != nil {
		return err
	}
	defer db.Close()
	key, err := compliance.LoadMasterKey(ctx, db, cfg.Data, string(cfg.MasterKey))
	if err != nil {
		return err
	}
	result, err := ops.Backup(ctx, ops.BackupOptions{
		Dir: cfg.Data, DB: db, URL: string(cfg.Database.URL), Key: key, WithKey: c.WithKey, Dest: dest, Version: version,
	}, out.Progress)
	if err != nil {
		return err
	}
	return out.JSON(result)
}

// mustHaveData refuses a folder without an installation: a command that only reads must not make one by a typing error.
func mustHaveData(cfg *config.Config) error {
	if cfg.Database.URL != "" {
		return nil
	}
	if _, err := os.Stat(filepath.Join(cfg.Data, sqldb.FileName)); errors.Is(err, fs.ErrNotExist) {
		return frontdesk.InvalidField("--data", "there is no frontdesk data in %s", cfg.Data)
	}
	return nil
}

// openDatabase opens the installation's database for a command; only what goes wrong is logged.
func openDatabase(ctx context.Context, cfg *config.Config, out *Output) (*sqldb.DB, error) {
	log := slog.New(slog.NewTextHandler(out.Stderr(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	return sqldb.Open(ctx, sqldb.Options{Dir: cfg.Data, URL: string(cfg.Database.URL), Log: log})
}

// mustRead reports a file that cannot be read as wrong usage of the flag that named it.
func mustRead(flag, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return frontdesk.InvalidField(flag, "%v", err)
	}
	return f.Close()
}
