// Command frontdesk is the whole product in one program: the server and the tools around it, one file a command.
//
// Every command takes --json (one object on stdout, progress on stderr) and exits 0 on success, 1 on failure, 2 on wrong
// usage; a usage error names the flag or setting at fault.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"frontdesk"
	"frontdesk/internal/config"
	"frontdesk/internal/dialogue/knowledge"

	"github.com/alecthomas/kong"
)

// version is set by the linker; a build without git says "dev".
var version = "dev"

// Globals are the flags of every command.
type Globals struct {
	JSON       bool   `help:"Print one JSON object on stdout."`
	ConfigFile string `name:"config" env:"FRONTDESK_CONFIG" placeholder:"FILE" help:"YAML file with settings."`
}

// CLI is the command line.
type CLI struct {
	Globals

	Serve   ServeCmd   `cmd:"" help:"Run the server."`
	Import  ImportCmd  `cmd:"" help:"Import knowledge from a file."`
	Ask     AskCmd     `cmd:"" help:"Ask the bot one question; nothing is stored."`
	Eval    EvalCmd    `cmd:"" help:"Measure answering against labelled files."`
	Bench   BenchCmd   `cmd:"" help:"Measure speed, memory and safety under kills."`
	Backup  BackupCmd  `cmd:"" help:"Write a backup, also while the server runs."`
	Restore RestoreCmd `cmd:"" help:"Restore a backup into an empty folder."`
	Doctor  DoctorCmd  `cmd:"" help:"Look for what is wrong with an installation."`
	Config  ConfigCmd  `cmd:"" help:"Show every setting, its value and where it comes from."`
	Version VersionCmd `cmd:"" help:"Show the version."`

	Screen      LaterCmd `cmd:"" help:"Screen lines of text (not part of this version)."`
	VerifyAudit LaterCmd `cmd:"" name:"verify-audit" help:"Verify the audit log (not part of this version)."`
}

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program without its process: it returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once

	var cli CLI
	out := &Output{stdout: stdout, stderr: stderr}
	parser, err := kong.New(&cli,
		kong.Name("frontdesk"),
		kong.Description("Customer service in one program: a bot that answers from your own knowledge, and a desk where people take over."),
		kong.Vars{"default_bot": knowledge.DefaultBot},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Writers(stdout, stderr),
	)
	if err != nil {
		return out.fail("", err)
	}
	command, err := parser.Parse(args)
	out.json = cli.JSON
	if err != nil {
		out.json = slices.Contains(args, "--json") // the parser may have stopped before it
		name := ""
		if p := new(kong.ParseError); errors.As(err, &p) {
			name = p.Context.Command()
		}
		return out.fail(name, usageError(err.Error()))
	}
	command.BindTo(ctx, (*context.Context)(nil))
	command.Bind(out, &cli.Globals)
	if err := command.Run(); err != nil {
		return out.fail(command.Command(), err)
	}
	return 0
}

// Output is where a command reports. Results go to stdout once; everything said on the way goes to stderr.
type Output struct {
	json           bool
	stdout, stderr io.Writer
	printed        bool
}

// JSON prints the command's result: v as one JSON object with --json, else as text, by v's own Text method if it has one.
func (o *Output) JSON(v any) error {
	o.printed = true
	if o.json {
		enc := json.NewEncoder(o.stdout)
		enc.SetEscapeHTML(false)
		return enc.Encode(v)
	}
	if t, ok := v.(interface{ Text() string }); ok {
		_, err := fmt.Fprintln(o.stdout, strings.TrimRight(t.Text(), "\n"))
		return err
	}
	text, err := readable(v)
	if err != nil {
		return err
	}
	_, err = io.WriteString(o.stdout, text)
	return err
}

// Progress says one line about work that goes on. It never fails: a closed stderr must not end the work.
func (o *Output) Progress(format string, args ...any) {
	fmt.Fprintf(o.stderr, format+"\n", args...)
}

// Stderr is where logs go.
func (o *Output) Stderr() io.Writer { return o.stderr }

// errReported ends a command with exit code 1 whose result has said already what is wrong.
var errReported = errors.New("the result says what is wrong")

// usageError is wrong usage in the words of the command-line parser, which name the flag.
type usageError string

func (e usageError) Error() string { return string(e) }

// laterError is a command that this version does not have.
type laterError string

func (e laterError) Error() string { return string(e) + " is not part of this version" }

// exitCode sorts failures: 2 is wrong usage, which a different call can mend, 1 everything else. A command reports a wrong
// flag as frontdesk.InvalidField("--flag", ...), a wrong argument by its name in capitals, as the help shows it.
func exitCode(err error) int {
	if e := usageError(""); errors.As(err, &e) {
		return 2
	}
	if e := laterError(""); errors.As(err, &e) {
		return 2
	}
	if e := new(config.Error); errors.As(err, &e) {
		return 2
	}
	if e := new(frontdesk.Error); errors.As(err, &e) && e.Kind == frontdesk.Invalid && e.Field != "" {
		if strings.HasPrefix(e.Field, "--") || e.Field == strings.ToUpper(e.Field) {
			return 2
		}
	}
	return 1
}

// fail reports why command failed and returns the exit code. With --json the reason is also an object on stdout, unless
// the command has printed its result.
func (o *Output) fail(command string, err error) int {
	code := exitCode(err)
	if errors.Is(err, errReported) {
		return code
	}
	fmt.Fprintf(o.stderr, "frontdesk: %v\n", err)
	if code == 2 {
		fmt.Fprintf(o.stderr, "Try: frontdesk %s\n", strings.TrimLeft(firstWord(command)+" --help", " "))
	}
	if o.json && !o.printed {
		kind, field := frontdesk.KindOf(err).String(), ""
		if code == 2 {
			kind = frontdesk.Invalid.String()
		}
		if e := new(frontdesk.Error); errors.As(err, &e) {
			field = e.Field
		}
		if e := new(config.Error); errors.As(err, &e) {
			field = e.Key
		}
		reason := map[string]any{"kind": kind, "message": err.Error()}
		if field != "" {
			reason["field"] = field
		}
		if err := o.JSON(map[string]any{"error": reason}); err != nil {
			fmt.Fprintf(o.stderr, "frontdesk: %v\n", err)
		}
	}
	return code
}

// firstWord is the name of a command without what kong adds about its arguments: "import knowledge <file>" is "import knowledge".
func firstWord(command string) string {
	name, _, _ := strings.Cut(command, " <")
	return name
}

// Settings are the flags of the commands that work on an installation. Embed it.
type Settings struct {
	Data        string            `placeholder:"DIR" help:"Data folder (default: data)."`
	DatabaseURL string            `name:"database-url" placeholder:"URL" help:"PostgreSQL instead of the SQLite file in the data folder."`
	Set         map[string]string `mapsep:"none" placeholder:"KEY=VALUE" help:"Any setting by its key; can be repeated. See: frontdesk config."`
}

// Load reads the configuration with these flags and more on top.
func (s Settings) Load(g *Globals, more ...config.Flag) (config.Config, error) {
	var flags []config.Flag
	for key, value := range s.Set {
		flags = append(flags, config.Flag{Name: "--set " + key, Key: key, Value: value})
	}
	if s.Data != "" {
		flags = append(flags, config.Flag{Name: "--data", Key: "data", Value: s.Data})
	}
	if s.DatabaseURL != "" {
		flags = append(flags, config.Flag{Name: "--database-url", Key: "database.url", Value: s.DatabaseURL})
	}
	return config.Load(append(flags, more...), os.Environ(), g.ConfigFile)
}

// LaterCmd is a command whose part is not built yet: it takes anything, says so, and exits 2.
type LaterCmd struct {
	Args []string `arg:"" optional:"" passthrough:"" help:"Ignored."`
}

// Run says that the command does not exist yet.
func (c *LaterCmd) Run(command *kong.Context) error {
	return laterError(firstWord(command.Command()))
}

// VersionCmd shows the version.
type VersionCmd struct{}

// Run prints the version.
func (c *VersionCmd) Run(out *Output) error {
	return out.JSON(versionResult{Version: version, Go: goVersion()})
}

type versionResult struct {
	Version string `json:"version"`
	Go      string `json:"go"`
}

// Text is the line that people read.
func (v versionResult) Text() string { return "frontdesk " + v.Version + " (" + v.Go + ")" }
