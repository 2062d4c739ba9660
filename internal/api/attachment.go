package api

import (
	"bytes"
	"context"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"frontdesk"
	"frontdesk/internal/auth"
)

const maxUpload = 20 << 20

type uploadInput struct {
	Name    string `query:"name" maxLength:"200" doc:"File name to show"`
	RawBody []byte `contentType:"application/octet-stream"`
}

type rawAnswer struct {
	Body func(huma.Context)
}

func (s *server) attachmentRoutes() {
	handle(s, Route{Method: http.MethodPost, Path: "/v1/attachments", Name: "upload", Need: auth.ConversationHandle, Group: "conversation", Status: 201, Limit: maxUpload, Once: true,
		Doc: "Upload a file to send it; its type is found by looking at it", DocZH: "上传附件"},
		func(ctx context.Context, in *uploadInput) (*body[frontdesk.Attachment], error) {
			if s.Blobs == nil {
				return nil, absent("attachments")
			}
			if len(in.RawBody) == 0 {
				return nil, frontdesk.InvalidField("body", "The file is empty.")
			}
			a, err := s.Blobs.Put(ctx, frontdesk.ActorFrom(ctx).Tenant, in.Name, bytes.NewReader(in.RawBody))
			return &body[frontdesk.Attachment]{a}, err
		})
	handle(s, Route{Method: http.MethodGet, Path: "/v1/attachments/{id}", Name: "download", Need: auth.ConversationRead, Group: "conversation",
		Doc: "An attachment's bytes; pictures are shown, all else is downloaded", DocZH: "下载附件"},
		func(ctx context.Context, in *ByID) (*rawAnswer, error) {
			if s.Blobs == nil {
				return nil, absent("attachments")
			}
			a, r, err := s.Blobs.Open(ctx, frontdesk.ActorFrom(ctx).Tenant, in.ID)
			if err != nil {
				return nil, err
			}
			return &rawAnswer{func(hc huma.Context) {
				defer r.Close()
				kind, disposition := a.Type, "inline"
				if !picture(a.Type) {
					// Whatever it is, it must not run in this origin.
					kind, disposition = "application/octet-stream", "attachment"
				}
				hc.SetHeader("Content-Type", kind)
				hc.SetHeader("Content-Length", strconv.FormatInt(a.Size, 10))
				hc.SetHeader("Content-Disposition", mime.FormatMediaType(disposition, map[string]string{"filename": fileName(a.Name)}))
				hc.SetHeader("Content-Security-Policy", "default-src 'none'; sandbox")
				hc.SetHeader("Cache-Control", "private, max-age=86400, immutable")
				hc.SetStatus(http.StatusOK)
				if _, err := io.Copy(hc.BodyWriter(), r); err != nil && ctx.Err() == nil {
					s.Log.ErrorContext(ctx, "download broke off", "request_id", requestID(ctx), "error", err)
					panic(http.ErrAbortHandler) // a file that is not whole must not look whole
				}
			}}, nil
		})
}

// picture lists the types a browser may show in place; SVG runs scripts and is none of them.
func picture(mediaType string) bool {
	switch mediaType {
	case "image/png", "image/jpeg", "image/gif", "image/webp":
		return true
	}
	return false
}

func fileName(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == '/' || r == '\\' || r == 0x7f {
			return '_'
		}
		return r
	}, s)
	if s == "" {
		return "file"
	}
	return s
}
