// The bytes of docs/openapi.json; its folder is on the include path.
    .section .rodata
    .global cronfleet_api_document
    .global cronfleet_api_document_end
cronfleet_api_document:
    .incbin "openapi.json"
cronfleet_api_document_end:
    .byte 0
    .section .note.GNU-stack,"",%progbits
