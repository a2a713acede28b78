"""A certificate authority of the test's own, with what it signs, made by openssl."""

import subprocess
from pathlib import Path

from tests.parts import program


class Authority:
    def __init__(self, folder: Path, name: str) -> None:
        self._openssl = program("openssl", "openssl")
        self._folder, self._name = folder, name
        folder.mkdir(parents=True, exist_ok=True)
        self.certificate, self._key = folder / f"{name}.pem", folder / f"{name}.key"
        self._run("req", "-x509", *self._new(self._key), "-days", "2", "-subj", f"/CN={name}", "-out", self.certificate)

    def sign(self, name: str, address: str = "127.0.0.1") -> tuple[Path, Path]:
        """A certificate for `name` at `address`, and its key."""
        base = self._folder / f"{self._name}-{name}"
        request, key, certificate = base.with_suffix(".csr"), base.with_suffix(".key"), base.with_suffix(".pem")
        self._run("req", *self._new(key), "-subj", f"/CN={name}", "-out", request)
        extensions = base.with_suffix(".ext")
        extensions.write_text(f"subjectAltName=IP:{address}\n")
        self._run(
            "x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self._key, "-CAcreateserial",
            "-days", "2", "-extfile", extensions, "-out", certificate,
        )  # fmt: skip
        return certificate, key

    @staticmethod
    def _new(key: Path) -> tuple[str | Path, ...]:
        return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key)

    def _run(self, *words: str | Path) -> None:
        subprocess.run([self._openssl, *words], check=True, capture_output=True)
