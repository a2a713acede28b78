"""The USP messages a controller of ours receives and sends, by field number.

Source: Broadband Forum TR-369, the published schemas usp-record and usp-msg (1.2; later versions only add to them, such
as UDSConnectRecord = 13 in 1.3). Messages we have no use for (Set, Add, Operate, …) are left out: a decoder passes over
fields it does not know.
"""

from collector.mqtt.usp.wire import FieldSpec, Schema

PLAINTEXT = 0  # Record.PayloadSecurity
MQTT_3_1_1, MQTT_5 = 0, 1  # MQTTConnectRecord.MQTTVersion
# Header.MsgType
ERROR, GET, GET_RESP, NOTIFY, NOTIFY_RESP = 0, 1, 2, 3, 16

RECORD: Schema = {
    "Record": {
        1: FieldSpec("version", "string"),
        2: FieldSpec("to_id", "string"),
        3: FieldSpec("from_id", "string"),
        4: FieldSpec("payload_security", "enum"),
        5: FieldSpec("mac_signature", "bytes"),
        6: FieldSpec("sender_cert", "bytes"),
        7: FieldSpec("no_session_context", "message", of="NoSessionContextRecord", oneof="record_type"),
        8: FieldSpec("session_context", "bytes", oneof="record_type"),
        9: FieldSpec("websocket_connect", "bytes", oneof="record_type"),
        10: FieldSpec("mqtt_connect", "message", of="MQTTConnectRecord", oneof="record_type"),
        11: FieldSpec("stomp_connect", "bytes", oneof="record_type"),
        12: FieldSpec("disconnect", "message", of="DisconnectRecord", oneof="record_type"),
        13: FieldSpec("uds_connect", "bytes", oneof="record_type"),
    },
    "NoSessionContextRecord": {2: FieldSpec("payload", "bytes")},
    "MQTTConnectRecord": {1: FieldSpec("version", "enum"), 2: FieldSpec("subscribed_topic", "string")},
    "DisconnectRecord": {1: FieldSpec("reason", "string"), 2: FieldSpec("reason_code", "fixed32")},
}

MESSAGE: Schema = {
    "Msg": {1: FieldSpec("header", "message", of="Header"), 2: FieldSpec("body", "message", of="Body")},
    "Header": {1: FieldSpec("msg_id", "string"), 2: FieldSpec("msg_type", "enum")},
    "Body": {
        1: FieldSpec("request", "message", of="Request", oneof="msg_body"),
        2: FieldSpec("response", "message", of="Response", oneof="msg_body"),
        3: FieldSpec("error", "message", of="Error", oneof="msg_body"),
    },
    "Request": {
        1: FieldSpec("get", "message", of="Get", oneof="req_type"),
        8: FieldSpec("notify", "message", of="Notify", oneof="req_type"),
    },
    "Response": {
        1: FieldSpec("get_resp", "message", of="GetResp", oneof="resp_type"),
        8: FieldSpec("notify_resp", "message", of="NotifyResp", oneof="resp_type"),
    },
    "Error": {1: FieldSpec("err_code", "fixed32"), 2: FieldSpec("err_msg", "string")},
    "Get": {1: FieldSpec("param_paths", "string", repeated=True), 2: FieldSpec("max_depth", "fixed32")},
    "GetResp": {1: FieldSpec("req_path_results", "message", repeated=True, of="RequestedPathResult")},
    "RequestedPathResult": {
        1: FieldSpec("requested_path", "string"),
        2: FieldSpec("err_code", "fixed32"),
        3: FieldSpec("err_msg", "string"),
        4: FieldSpec("resolved_path_results", "message", repeated=True, of="ResolvedPathResult"),
    },
    "ResolvedPathResult": {1: FieldSpec("resolved_path", "string"), 2: FieldSpec("result_params", "map")},
    "Notify": {
        1: FieldSpec("subscription_id", "string"),
        2: FieldSpec("send_resp", "bool"),
        3: FieldSpec("event", "message", of="Event", oneof="notification"),
        4: FieldSpec("value_change", "message", of="ValueChange", oneof="notification"),
        5: FieldSpec("obj_creation", "bytes", oneof="notification"),
        6: FieldSpec("obj_deletion", "bytes", oneof="notification"),
        7: FieldSpec("oper_complete", "bytes", oneof="notification"),
        8: FieldSpec("on_board_req", "message", of="OnBoardRequest", oneof="notification"),
    },
    "Event": {1: FieldSpec("obj_path", "string"), 2: FieldSpec("event_name", "string"), 3: FieldSpec("params", "map")},
    "ValueChange": {1: FieldSpec("param_path", "string"), 2: FieldSpec("param_value", "string")},
    "OnBoardRequest": {
        1: FieldSpec("oui", "string"),
        2: FieldSpec("product_class", "string"),
        3: FieldSpec("serial_number", "string"),
        4: FieldSpec("agent_supported_protocol_versions", "string"),
    },
    "NotifyResp": {1: FieldSpec("subscription_id", "string")},
}
