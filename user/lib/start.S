# start(a0 = argc, a1 = argv): where every program begins; ends it with what main returns.
# sp is set by exec and 16-byte aligned; ra holds nothing, and s0 = 0 ends a debugger's chain of frames.

    .section .text.start, "ax"
    .globl start
    .type start, @function
start:
    li      s0, 0
    call    main
    call    exit
    .size start, . - start
