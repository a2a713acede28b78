"""`lightline learn`: recalibrate probabilities from what visits showed, if later labels say that it is better."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from lightline.commands import options
from lightline.settings import load_settings


def learn(
    inventory: options.Inventory = None,
    inventory_option: options.InventoryOption = None,
    data: options.Data = None,
    watch: Annotated[bool, typer.Option("--watch", help="Only look whether the model in force has drifted.")] = False,
    off: Annotated[bool, typer.Option("--off", help="Let physics alone decide from now on.")] = False,
    as_json: options.Json = False,
) -> None:
    """Learn from closing codes and complaints; what was learnt counts only where it beats physics on later labels.

    The model card (what from, how good, what was decided and why) is written into the data folder: learning/*/card.md.
    """
    from lightline import learning
    from lightline.inventory import read_inventory
    from lightline.opening import open_ledger
    from lightline.output import print_json

    settings = load_settings(inventory=inventory or inventory_option, data=data)
    folder = learning.LearningFolder(settings.learning_path)
    now = datetime.now(UTC)
    if off:
        folder.put(None, "switched off by hand", now)
        if as_json:
            print_json({"in_force": None})
        else:
            print("physics alone decides")
        return
    plant = read_inventory(settings.inventory)
    ledger = open_ledger(settings)
    try:
        if watch:
            drift = learning.watch(folder, ledger, plant, now)
            if as_json:
                print_json(None if drift is None else drift.to_json())
            else:
                print("no model is in force" if drift is None else drift.found or f"no drift on {drift.labels} labels")
            return
        learnt = learning.learn(folder, ledger, plant, now)
    finally:
        ledger.close()
    if as_json:
        print_json(learnt.card)
        return
    for decision in learnt.trained.decisions:
        print(f"{decision.part}: {'switched on' if decision.on else 'physics stays'}; {decision.why}")
    print(f"model card: {folder.path / f'{learnt.version:06d}' / 'card.md'}")
