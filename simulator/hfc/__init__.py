"""The coax part of a plant: fibre nodes, amplifiers, taps, drops and the DOCSIS modems behind them."""
