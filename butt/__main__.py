from butt.command import main

main()
