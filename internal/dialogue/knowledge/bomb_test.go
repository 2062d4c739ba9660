package knowledge_test

import (
	"archive/zip"
	"bytes"
	"io"
	"testing"
)

// workbookOf makes a workbook whose only sheet unpacks to about size bytes of nothing.
func workbookOf(t *testing.T, size int64) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	part := func(name, text string) io.Writer {
		w, err := z.Create(name)
		if err == nil {
			_, err = io.WriteString(w, text)
		}
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	part("[Content_Types].xml", `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/></Types>`)
	part("xl/workbook.xml", `<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheets><sheet name="a" sheetId="1"/></sheets></workbook>`)
	w := part("xl/worksheets/sheet1.xml", `<worksheet><sheetData>`)
	blank := bytes.Repeat([]byte(" "), 1<<20)
	for ; size > 0; size -= int64(len(blank)) {
		if _, err := w.Write(blank); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}
