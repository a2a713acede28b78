"""Examples of the commands: shown below each help text and in docs/commands.md, and read by a test as a shell would."""

EXAMPLES: dict[str, tuple[str, ...]] = {
    "demo": ("lightline demo", "lightline demo --once --json"),
    "check": ("lightline check my.yaml", "lightline check my.yaml --json"),
    "probe": ("lightline probe 192.0.2.10 --community env:OLT_COMMUNITY", "lightline probe 192.0.2.10:1161 --json"),
    "collect": ("lightline collect my.yaml", "lightline collect my.yaml --once --json"),
    "ask": ("lightline ask GZ-000001",),
    "analyze": (
        "lightline analyze my.yaml --once",
        "lightline analyze my.yaml --full-days 7",
        "lightline analyze --as-of 2026-11-01 --json",
    ),
    "backtest": ("lightline backtest --truth truth.csv",),
    "learn": ("lightline learn my.yaml", "lightline learn --watch --json"),
    "tree": ("lightline tree --days 90",),
    "serve": ("lightline serve my.yaml --port 8080",),
    "run": ("lightline run my.yaml",),
    "import": ("lightline import history.csv more.parquet",),
    "export": (
        "lightline export week.parquet --since 2026-11-01 --field rx_dbm --field olt_rx_dbm",
        "lightline export - --line GZ-000001 | head",
    ),
    "tell": ("lightline tell my.yaml", "lightline tell --once --json"),
    "quarter": ("lightline quarter --lines 2000 --json",),
    "status": ("lightline status", "lightline status --watch", "lightline status --json"),
    "grafana": ("lightline grafana /etc/lightline/grafana --store influx1://127.0.0.1:8086/lightline --places",),
    "migrate": ("lightline migrate",),
    "plan": ("lightline plan --from 2026-11-03 --days 3 --area tianhe", "lightline plan --urgent 17 --apply"),
    "backup": ("lightline backup /mnt/backup/2026-11-01",),
    "restore": ("lightline restore /mnt/backup/2026-11-01 --force",),
    "move": ("lightline move --from delta:data/telemetry --to influx1://127.0.0.1:8086/lightline",),
    "user add": ("lightline user add prometheus --role operator --days 365",),
    "user list": ("lightline user list --json",),
    "user revoke": ("lightline user revoke 7f3a",),
    "user new": ("lightline user new chen --role technician --area tianhe --grid shipai",),
    "user people": ("lightline user people",),
    "user password": ("lightline user password chen",),
    "user change": ("lightline user change chen --role dispatcher",),
    "user unlock": ("lightline user unlock chen",),
    "user second-factor-off": ("lightline user second-factor-off chen",),
    "mode storm": ("lightline mode storm --until 2026-11-03 --area tianhe",),
    "mode holiday": ("lightline mode holiday --until 2026-10-08",),
    "mode end": ("lightline mode end 4",),
    "mode list": ("lightline mode list --json",),
    "mode feed": ("lightline mode feed warnings.xml",),
    "ledger export": ("lightline ledger export open.xlsx --state unfinished --area tianhe",),
    "ledger import": ("lightline ledger import walk.csv",),
}


def below(name: str) -> str | None:
    """What stands below a command's help text."""
    lines = EXAMPLES.get(name)
    return None if lines is None else "\n\n".join(["Examples:", *(f"  {line}" for line in lines)])
